package code

// Requests of our own. The original has no code from 28000 to 29999 in any release,
// and the binary header, with its 16 bits, can carry them. This is the only place
// that gives such numbers out; All does not list them, and other servers answer that
// they are not supported.
const (
	// SkylarkTxList lists open (or discarded) half messages: header.TxList, body.TxPage.
	SkylarkTxList Request = 28001
	// SkylarkTxShow shows one with its properties and the start of its body.
	SkylarkTxShow Request = 28002
	// SkylarkTxSettle commits or rolls back one, whatever its producer says: header.TxSettle.
	SkylarkTxSettle Request = 28003

	// SkylarkConflicts lists consumer groups whose members subscribe differently: header.Conflicts, body.ConflictList.
	SkylarkConflicts Request = 28021
	// SkylarkSkipToEnd moves a consumer group to the end of its queues: header.SkipToEnd, body.Skipped.
	SkylarkSkipToEnd Request = 28022
	// SkylarkPurgeTopic hides what is stored in a topic: header.PurgeTopic, body.Skipped.
	SkylarkPurgeTopic Request = 28023

	// SkylarkDeadLetterGroups lists groups with dead letters: no header, body.DeadLetterGroups.
	SkylarkDeadLetterGroups Request = 28024
	// SkylarkDeadLetters lists dead letters of a group: header.DeadLetters, body.DeadLetterPage.
	SkylarkDeadLetters Request = 28025
	// SkylarkDeadLetterShow shows one: header.DeadLetter, body.DeadLetter.
	SkylarkDeadLetterShow Request = 28026
	// SkylarkDeadLetterResend sends some of them again: header.DeadLetters, body.DeadLetterPage.
	SkylarkDeadLetterResend Request = 28027
)
