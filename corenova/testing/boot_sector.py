"""The smallest guest: a raw disk of 1 MiB whose boot sector is the whole operating system, made without any program.

It boots in a fraction of a second in 16 MiB of memory, also where QEMU has no hardware to lean on, and shows of a
hypervisor driver what needs neither network nor config drive: start, console log, reboot, reset, power button,
snapshot, save, migration. It counts its boots on its own disk, in the letter before its text on ttyS0:

    A BOOT SECTOR READY      the first boot
    B BOOT SECTOR READY      the second

``python -m corenova.testing.boot_sector OUT.raw [TEXT] [--deaf]`` writes one.
"""

import argparse
from pathlib import Path

SIZE = 1 << 20
READY = "BOOT SECTOR READY"
_SECTOR = 512
_COUNTER = ord("@")  # the letter before A

# The program, in real mode: (label, machine code in hex, label that its last byte jumps to). It lies at 0x7c00;
# sector 1, with the counter and the text, is read to 0x7e00.
_BOOT = [
    ("", "fa 31c0 8ed8 8ec0 8ed0 bc007c fb fc", ""),  # segments, and a stack below the program
    ("", "b600 b80102 bb007e b90200 cd13", ""),  # BIOS: read sector 1
    ("", "fe06007e", ""),  # one boot more
    ("", "b600 b80103 bb007e b90200 cd13", ""),  # BIOS: write it back
    ("", "be007e", ""),
    ("print", "ac 84c0 74", "printed"),  # next byte of the text, until the zero
    ("", "88c3 bafd03", ""),
    ("wait", "ec a820 74", "wait"),  # until COM1 takes a byte
    ("", "88d8 baf803 ee eb", "print"),
]
_OBEY = [
    ("printed", "e4a1 0c02 e6a1", ""),  # mask IRQ 9: the power button is polled
    ("", "ba0206 ed 0d0001 ef", ""),  # ACPI PM1_EN (port 0x602 with QEMU's pc and q35): the power button is wanted
    ("sleep", "fb f4 ba0006 ed f6c401 74", "sleep"),  # at each timer tick: PM1_STS bit 8, pressed?
    ("", "ba0406 b80020 ef eb", "sleep"),  # PM1_CNT: power off
]
_IGNORE = [("printed", "fb f4 eb", "printed")]


def disk(text: str = READY, *, deaf: bool = False) -> bytes:
    """Return the disk of a guest that prints ``text`` (ASCII, at most 500 characters) after its boot letter.

    With ``deaf`` it ignores the power button, as a hung guest does. Raises :class:`ValueError` for another text.
    """
    if not text.isascii() or len(text) > 500:
        raise ValueError("The text of a boot sector guest must be ASCII and have at most 500 characters.")
    program = _assemble(_BOOT + (_IGNORE if deaf else _OBEY)).ljust(_SECTOR - 2, b"\0") + b"\x55\xaa"
    message = bytes([_COUNTER]) + f" {text}\r\n".encode().ljust(_SECTOR - 1, b"\0")
    return (program + message).ljust(SIZE, b"\0")


def boots(raw: bytes) -> int:
    """Return how often the guest with this (raw) disk has booted."""
    return raw[_SECTOR] - _COUNTER


def _assemble(program: list[tuple[str, str, str]]) -> bytes:
    labels: dict[str, int] = {}
    jumps: list[tuple[int, str]] = []
    code = bytearray()
    for label, instructions, target in program:
        labels[label] = len(code)
        code += bytes.fromhex(instructions)
        if target:
            jumps.append((len(code), target))
            code.append(0)
    for at, target in jumps:
        code[at] = (labels[target] - at - 1) & 0xFF
    return bytes(code)


def main() -> None:
    """Write a disk to the file that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m corenova.testing.boot_sector", description="Write a 1 MiB raw guest."
    )
    parser.add_argument("out", type=Path, help="the file to write, raw")
    parser.add_argument("text", nargs="?", default=READY, help="what it prints on ttyS0 (default: %(default)s)")
    parser.add_argument("--deaf", action="store_true", help="ignore the power button")
    wanted = parser.parse_args()
    try:
        wanted.out.write_bytes(disk(wanted.text, deaf=wanted.deaf))
    except (ValueError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
