"""The benchmark of the search measures what it says, on arrays whose answer is known."""
