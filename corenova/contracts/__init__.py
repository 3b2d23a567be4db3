"""The sockets: what a plug-in must offer and may rely on. One short file per kind.

A thing you choose by name in an ini file is a stevedore entry point (filter, weigher, driver); a moment you want to
hear about is a pluggy hook. A plug-in is constructed without arguments. It may declare ``options``, a list of
oslo.config options: they are registered under the section ``[<entry point name>]``, appear in the generated sample,
and the loader hands the section over once by ``configure(section)`` before the first use.
"""

CONTRACT_VERSION = (1, 0)
"""Major, minor. A minor adds what old plug-ins can ignore; a major may break them."""
