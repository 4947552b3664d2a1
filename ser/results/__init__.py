"""What evaluations become: the table, the honest gap, the files behind the charts."""
