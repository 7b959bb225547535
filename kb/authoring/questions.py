"""stub"""
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class Asked:
    findings: tuple = ()
    count: int = 0
    mode: str = ""
    answered: tuple = ()
    remarks: tuple = ()
def ask_questions(*a, **k): return Asked()
