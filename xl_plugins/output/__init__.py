"""Writing what is ours and nothing else: names, marks, locks, whole files and whole folders. Imports neither torch nor
fairseq."""

from ..terminal import printable
from .atomic import atomic_file, clear_stale
from .files import FileOutput, NoOutput, check_file, is_json, write_together
from .folder import Staging, check_replaceable
from .lock import FolderLock
from .marks import MARK, add_files, is_blank, read_mark, write_mark
from .names import check_component
from .unfinished import Unfinished

__all__ = [
    "MARK",
    "FileOutput",
    "FolderLock",
    "NoOutput",
    "Staging",
    "Unfinished",
    "add_files",
    "atomic_file",
    "check_component",
    "check_file",
    "check_replaceable",
    "clear_stale",
    "is_blank",
    "is_json",
    "printable",
    "read_mark",
    "write_mark",
    "write_together",
]
