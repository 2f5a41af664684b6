"""The pure core: structures, givens, expansions, and the rules that lead from one to the other."""
