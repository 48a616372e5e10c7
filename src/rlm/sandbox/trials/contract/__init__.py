"""What must work under every launcher: small named cases, a module a group."""

from rlm.sandbox.trials.contract.case import BrokenContractError, Case, Place, Result, cases, run_contract

__all__ = ["BrokenContractError", "Case", "Place", "Result", "cases", "run_contract"]
