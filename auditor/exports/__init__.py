"""A finished run in the formats of other tools: one file for each in ``formats``."""

from auditor.exports.export import EXPORTS, Export, export

__all__ = ["EXPORTS", "Export", "export"]
