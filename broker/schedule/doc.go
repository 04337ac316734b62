// Package schedule is RocketMQ's delay levels: a message that asks for level n is
// stored in queue n-1 of SCHEDULE_TOPIC_XXXX, and once it has waited that level's
// length it is stored again, where it was sent to.
//
//	put       Rewrite: topic and queue become the level's, REAL_TOPIC and REAL_QID keep the real ones
//	unit      the consume queue's TagsCode is the time of delivery
//	delivery  the record again, under REAL_TOPIC and REAL_QID, with the same properties
//	progress  delayOffset.json: the next offset of each level
//
// Its main type is Schedule. All messages of a level wait equally long, so the
// first of a level's queue is the first that is due: each level has one goroutine,
// which sleeps until then, or until a message comes when there is none. What is due
// is read and stored many at a time. Run owns these goroutines and the saver.
//
// A message that cannot be read or delivered for a while is not given up, and does not
// hold up its level for ever: trouble.go, postpone.go.
//
// The saved progress never speaks of deliveries that the disk may still lose, so a
// crash repeats deliveries, those of the last flushDelayOffsetInterval at most, and
// skips none.
package schedule
