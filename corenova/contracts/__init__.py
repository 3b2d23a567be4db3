"""The sockets: what a plug-in must offer and may rely on. One short file per kind, each with a CONTRACT_VERSION.

A thing you choose by name in an ini file is a stevedore entry point (filter, weigher, driver, backend); a moment you
want to hear about is a pluggy hook. A plug-in is constructed without arguments. It may declare ``options``, a list of
oslo.config options: they are registered under the section ``[<entry point name>]``, appear in the generated sample,
and the loader hands the section over once by ``configure(section)`` before the first use.

The promise of ``CONTRACT_VERSION``, major and minor, kept for each kind by itself:

- A **minor** adds what old plug-ins can ignore: an optional attribute or method, an ability, a hook or an argument of a
  hook, a field with a default. A plug-in that was written for 1.0 runs with every 1.x.
- A **major** may take away or change. What goes is named as deprecated, in the contract and in the release notes, for
  at least two releases and six months before.
- A patch release changes no contract. A mere change of words raises nothing.

What a plug-in is handed (HostState, RequestSpec, Instance ...) belongs to the contract. A plug-in says what it was
written for by ``contract_version = (1, 0)``, a class attribute; the loader refuses another major and a newer minor with
a sentence that names the distribution. One that says nothing is taken for one of this version.
"""
