"""Words: the sentence encoder, the grammar of instructions, and how instructions fall into clauses."""
