"""``nova.conf``: CONF, which reads our configuration.

A module that was imported once keeps its CONF, while a process may be configured again (tests do): so there is one
CONF, which follows the configuration that plug-ins were last loaded with.
"""

from oslo_config import cfg


class Configuration:
    """The ConfigOpts that plug-ins were last loaded with; an option that it does not know raises NoSuchOptError.

    Options that a plug-in registers are registered again when the configuration is another one.
    """

    def __init__(self) -> None:
        self._conf = cfg.ConfigOpts()
        self._registered: list[tuple[str, tuple, dict]] = []

    def follow(self, conf: cfg.ConfigOpts) -> None:
        """Read ``conf`` from now on."""
        if conf is not self._conf:
            self._conf = conf
            for method, args, options in self._registered:
                getattr(conf, method)(*args, **options)

    def register_opt(self, *args: object, **options: object) -> None:
        """As ConfigOpts.register_opt."""
        self._register("register_opt", args, options)

    def register_opts(self, *args: object, **options: object) -> None:
        """As ConfigOpts.register_opts."""
        self._register("register_opts", args, options)

    def register_group(self, *args: object, **options: object) -> None:
        """As ConfigOpts.register_group."""
        self._register("register_group", args, options)

    def _register(self, method: str, args: tuple, options: dict) -> None:
        getattr(self._conf, method)(*args, **options)
        self._registered.append((method, args, options))

    def __getattr__(self, name: str) -> object:
        return getattr(self._conf, name)

    def __getitem__(self, name: str) -> object:
        return self._conf[name]


CONF = Configuration()
