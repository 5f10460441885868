package ledger
func child(job string) {}
