// Package churn lets consumers come and go while messages flow through the real broker, and checks what consumer groups promise:
//
//   - orderly: each queue is consumed in order by one member at a time; nothing is lost; a member that takes a queue over may see
//     again only the message that its predecessor had in hand when the queue was taken from it, as with the Java client
//   - concurrent: members are killed, paused, leave and join, the broker is stopped and killed; every message is consumed at least
//     once, no committed offset is beyond the queue, and none has ever passed a message that nobody consumed
//
// The consumer is our own (member_test.go): it locks, shares queues out, commits and hands over as the Java client does, with
// shorter intervals. `make churn ROUNDS=500` runs the long form. Ordinary tests run a few rounds.
package churn
