"""Versioned notifications, in the envelope of Nova's, for whoever listens on the bus. Off unless the ini says so."""

import oslo_messaging
from oslo_config import cfg

from corenova.objects.instance import Instance

_EVENTS = {
    # (vm_state before, vm_state now): event type. Whatever is not here is an instance.update.
    (None, "building"): "instance.update",
    ("building", "active"): "instance.create.end",
    ("building", "error"): "instance.create.error",
    ("active", "stopped"): "instance.power_off.end",
    ("stopped", "active"): "instance.power_on.end",
}


class Notifier:
    """Sends ``instance.*`` and ``service.*`` notifications; does nothing when the format is ``none``."""

    def __init__(self, conf: cfg.ConfigOpts, host: str):
        section = conf.notifications
        self.is_on = section.notification_format == "versioned"
        if self.is_on:
            transport = oslo_messaging.get_notification_transport(conf, conf.transport_url)
            self._notifier = oslo_messaging.Notifier(
                transport,
                publisher_id=f"corenova:{host}",
                driver="messagingv2",
                topics=section.versioned_notifications_topics,
                retry=1,
            )

    def state_changed(self, instance: Instance, old_vm_state: str | None) -> None:
        """Tell that ``instance`` has come into its vm_state."""
        if not self.is_on:
            return
        event = "instance.delete.end" if instance.vm_state == "deleted" else None
        event = event or _EVENTS.get((old_vm_state, instance.vm_state), "instance.update")
        flavor = {
            "nova_object.name": "FlavorPayload",
            "nova_object.namespace": "nova",
            "nova_object.version": "1.4",
            "nova_object.data": {
                "flavorid": instance.flavor.flavorid,
                "name": instance.flavor.name,
                "vcpus": instance.flavor.vcpus,
                "memory_mb": instance.flavor.memory_mb,
                "root_gb": instance.flavor.root_gb,
            },
        }
        data = {
            "uuid": instance.uuid,
            "display_name": instance.display_name,
            "host_name": instance.hostname,
            "tenant_id": instance.project_id,
            "user_id": instance.user_id,
            "host": instance.host,
            "node": instance.host,
            "state": instance.vm_state,
            "task_state": instance.task_state,
            "power_state": instance.power_state,
            "image_uuid": instance.image.id if instance.image else None,
            "metadata": instance.metadata,
            "flavor": flavor,
            "state_update": {"old_state": old_vm_state, "state": instance.vm_state},
        }
        payload = {
            "nova_object.name": "InstancePayload",
            "nova_object.namespace": "nova",
            "nova_object.version": "1.9",
            "nova_object.data": data,
        }
        send = self._notifier.error if event.endswith(".error") else self._notifier.info
        send({}, event, payload)
