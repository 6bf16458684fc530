package jobs

// The states that an Event may announce.
const (
	Started  = "started"
	Progress = "progress"
	Done     = "done"
	Failed   = "failed" // for good: the job is on the dead list
)
