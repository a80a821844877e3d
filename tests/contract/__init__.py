"""The contract with users and with automation, as snapshots: one file per scene."""
