"""What the parts cost, beside others and beside the hardware."""
