"""Text: the sentence encoder, the grammar of instructions, and the splitting of instructions into clauses."""
