"""The weighers: how good is this host for this request? One file per class, named after it."""
