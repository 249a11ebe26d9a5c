"""The array side of the search for clever-Hans candidates: proposals, statistics, judgement."""
