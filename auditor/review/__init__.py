"""What people and policy make of audits: compare, judge, decide, keep. Never the model."""
