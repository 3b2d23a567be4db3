"""The error tree. Named for what is wrong; HTTP codes are given at the edge alone (``api/faults.py``).

CorenovaError
 ├─ ConfigurationError          an ini value, a plug-in name, a path: the process must not start
 │   └─ PluginError             an enabled plug-in is missing, doubled or does not import
 ├─ InvalidInput                what the caller sent cannot mean anything
 ├─ Forbidden                   the caller may not
 │   ├─ OverQuota               a limit of the project is reached
 │   └─ Vetoed                  a plug-in refused, with its reason
 ├─ NotFound                    no such thing, or not for this project
 ├─ Conflict                    the thing is in a state that does not allow this
 │   └─ InstanceInvalidState    vm_state or task_state refuse the action
 ├─ TooLarge                    more than a limit allows in one request
 ├─ NotImplementedByDriver      the driver declares no such ability
 ├─ Unavailable                 a dependency is down; try again
 ├─ BackendFault                an image or network backend has broken its contract
 ├─ NoValidHost                 nothing fits, and why
 └─ DriverError                 raised by drivers; the compute decides what follows
     ├─ BuildAbort              the build can succeed nowhere: no other host is tried
     ├─ InsufficientResources   this host cannot take it after all: another host is tried
     ├─ GuestNotFound           the driver knows no such guest
     └─ DriverFault             the driver has broken its contract; raised for it, never by it
"""


class CorenovaError(Exception):
    """Root of all errors that corenova raises on purpose; ``str(error)`` is a sentence for the reader."""


class ConfigurationError(CorenovaError):
    """A process cannot start as configured; the message says what, in which file, and what to do."""


class PluginError(ConfigurationError):
    """An enabled plug-in is missing, found twice, or failed to import."""


class InvalidInput(CorenovaError):
    """The request cannot be understood or refers to something that does not exist."""


class Forbidden(CorenovaError):
    """The caller may not do this."""


class OverQuota(Forbidden):
    """A quota of the project would be exceeded."""


class Vetoed(Forbidden):
    """A plug-in refused the request."""


class NotFound(CorenovaError):
    """There is no such thing, or none that this project may see."""


class Conflict(CorenovaError):
    """The thing exists but is in a state that does not allow this."""


class InstanceInvalidState(Conflict):
    """The instance's vm_state or task_state does not allow the action."""


class TooLarge(CorenovaError):
    """The request asks for more than one request may."""


class NotImplementedByDriver(CorenovaError):
    """The host's driver declares no such ability."""


class Unavailable(CorenovaError):
    """Something that the answer depends on is down; the same request may succeed later."""


class BackendFault(CorenovaError):
    """An image or network backend has raised what its contract does not know, or returned what it does not allow."""


class NoValidHost(CorenovaError):
    """No host can take the instance; the message says why."""


class DriverError(CorenovaError):
    """A hypervisor driver could not do what it was asked."""


class BuildAbort(DriverError):
    """The build cannot succeed on any host."""


class InsufficientResources(DriverError):
    """The host cannot take the guest after all; another one may."""


class GuestNotFound(DriverError):
    """The hypervisor knows no guest of this uuid."""


class DriverFault(DriverError):
    """A driver has raised what its contract does not know, or returned what it does not allow."""
