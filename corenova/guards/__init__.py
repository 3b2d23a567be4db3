"""What stands between a service and a plug-in that it calls by verbs: a driver, or a backend."""
