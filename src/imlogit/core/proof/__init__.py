"""What proves, in the end, how good a fit is, or that there is no optimum."""
