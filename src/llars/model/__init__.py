"""The network: bands in, slots, experts, bands out. It knows tensors and masks, never files or data sets."""
