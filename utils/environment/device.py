"""The device that the Keras backend computes on."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class Device:
    """What the backend computes on: `kind` is "CPU", "GPU" or "TPU"; `count` devices of it."""

    kind: str
    name: str
    count: int = 1

    @property
    def is_accelerator(self) -> bool:
        """True on a GPU or a TPU."""
        return self.kind != "CPU"

    def __str__(self) -> str:
        times = f" ×{self.count}" if self.count > 1 else ""
        return f"{self.kind}{times} ({self.name})"


def backend() -> str:
    """Return the name of the Keras backend in use: "tensorflow" or "jax"."""
    import keras

    return keras.backend.backend()


def device() -> Device:
    """Return the device that the backend computes on."""
    accelerator = _jax_device() if backend() == "jax" else _tensorflow_device()
    return accelerator or Device("CPU", f"{cores()} core{'s' if cores() != 1 else ''}")


def _tensorflow_device() -> Device | None:
    import tensorflow as tf

    for kind in ("TPU", "GPU"):
        devices = tf.config.list_physical_devices(kind)
        if devices:
            details = tf.config.experimental.get_device_details(devices[0])
            return Device(kind, details.get("device_name", kind), len(devices))
    return None


def _jax_device() -> Device | None:
    import jax

    devices = jax.devices()
    kind = devices[0].platform.upper()
    if kind == "CPU":
        return None
    kind = "GPU" if kind in ("CUDA", "ROCM") else kind
    return Device(kind, devices[0].device_kind, len(devices))


def cores() -> int:
    """Return how many CPU cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
