"""The guides of the demo mall and the policies they are paid by."""
