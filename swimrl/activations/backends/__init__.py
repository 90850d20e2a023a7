"""Code generated from formulas: ``source`` writes straight-line text, the other files give its
function names a meaning."""
