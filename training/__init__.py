"""The recipe that makes models/gpt2-mini from a plain-text corpus and a teacher."""
