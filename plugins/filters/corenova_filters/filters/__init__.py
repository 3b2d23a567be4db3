"""The filters: may this host take this request? One file per class, named after it."""
