"""Linux's filter of system calls (seccomp), as far as reading a network can do without them.

What is refused raises ``PermissionError``: opening files for writing, changing the file system, starting processes and
threads, sockets, signals and whatever reaches into other processes. An allowed list would be shorter, and would break
with the next version of a library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

_SET_SECCOMP = 22
_MODE_FILTER = 2

_LOAD, _JUMP_EQUAL, _JUMP_FROM, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ANY = 0xFFFFFFFF


@dataclass(frozen=True)
class _Machine:
    """How a processor's calls are told, and which column of the tables is its own; other numbers ``from_`` on are
    those of another convention.
    """

    code: int
    column: int
    from_: int | None = None


_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(0xC000003E, 0, 0x40000000),
    "aarch64": _Machine(0xC00000B7, 1),
}

_REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # processes and threads
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "clone": (56, 220),
    "clone3": (435, 435),
    "unshare": (272, 97),
    "setns": (308, 268),
    # other processes
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    # the network
    "socket": (41, 198),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "connect": (42, 203),
    # files
    "creat": (85, None),
    "openat2": (437, 437),
    "open_by_handle_at": (304, 265),
    "memfd_create": (319, 279),
    "truncate": (76, 45),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    # the system
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
}
"""The numbers of the calls on each machine; None: it has no such call."""


@dataclass(frozen=True)
class _Unless:
    """A call that is refused where an argument has any of these ``bits``."""

    numbers: tuple[int | None, int | None]
    argument: int
    bits: int


_REFUSED_WITH: Mapping[str, _Unless] = {
    "open": _Unless((2, None), 1, _WRITES),
    "openat": _Unless((257, 56), 2, _WRITES),
    "prlimit64": _Unless((302, 261), 0, _ANY),  # of another process than this one
}


def refuse_system_calls() -> bool:
    """Refuse them in this process from now on; False where the system does not offer that.

    ``PR_SET_NO_NEW_PRIVS`` has to be set before.
    """
    program = filter_program()
    if program is None:
        return False
    steps = ctypes.create_string_buffer(program, len(program))
    head = _Program(len(program) // _STEP.size, ctypes.addressof(steps))
    result = ctypes.CDLL(None).prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(head), 0, 0)
    return bool(result == 0)


@cache
def filter_program() -> bytes | None:
    """The filter as Linux takes it; None for other systems, and for machines that are not known here."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None or struct.calcsize("P") != 8:
        return None
    return b"".join(_program(machine))


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


_STEP = struct.Struct("HBBI")
"""``struct sock_filter``: what to do, how many steps to skip if so and if not, and a number."""


def _program(machine: _Machine) -> Iterator[bytes]:
    def step(do: int, number: int, if_so: int = 0, if_not: int = 0) -> bytes:
        return _STEP.pack(do, if_so, if_not, number)

    yield step(_LOAD, _MACHINE_AT)
    yield step(_JUMP_EQUAL, machine.code, 1)
    yield step(_RETURN, _REFUSE)
    yield step(_LOAD, _NUMBER_AT)
    if machine.from_ is not None:
        yield step(_JUMP_FROM, machine.from_, 0, 1)
        yield step(_RETURN, _REFUSE)
    for numbers in _REFUSED.values():
        number = numbers[machine.column]
        if number is not None:
            yield step(_JUMP_EQUAL, number, 0, 1)
            yield step(_RETURN, _REFUSE)
    for unless in _REFUSED_WITH.values():
        number = unless.numbers[machine.column]
        if number is not None:
            yield step(_JUMP_EQUAL, number, 0, 4)
            yield step(_LOAD, _ARGUMENTS_AT + 8 * unless.argument)
            yield step(_JUMP_ANY_BIT, unless.bits, 0, 1)
            yield step(_RETURN, _REFUSE)
            yield step(_RETURN, _ALLOW)
    yield step(_RETURN, _ALLOW)
