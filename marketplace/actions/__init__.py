"""The verbs: functions that write, one file per noun. They know nothing of Flask, never commit, and never call the network."""
