package store

import (
	"fmt"
	"slices"
)

// QueryResult is what a look-up by key found.
type QueryResult struct {
	Records [][]byte // whole records, oldest first
	// The newest entry of the whole index: a client merges the answers of several
	// brokers by it.
	IndexUpdateTime, IndexUpdatePhy int64
}

// queryTries is how often a look-up that met only records that are gone is
// repeated with an earlier end (DefaultMessageStore#queryMessage).
const queryTries = 3

// QueryKey finds records of a topic by key among the store times [beginMs, endMs]:
// at most limit, never more than maxMsgsNumBatch, and, but for the first, not more than
// maxBytes. Keys are hashed, so there may
// be others among them: callers compare, as they do with Java. It may wait for the disk.
func (s *Store) QueryKey(topic, key string, limit, maxBytes int, beginMs, endMs int64) (QueryResult, error) {
	var res QueryResult
	limit = min(limit, s.cfg.Get().MaxMsgsNumBatch)
	for range queryTries {
		found, lastTime, lastPhy, err := s.index.Query(topic+"#"+key, limit, beginMs, endMs)
		if err != nil {
			return res, fmt.Errorf("store: query: %w", err)
		}
		if len(found) == 0 {
			break
		}
		res.IndexUpdateTime, res.IndexUpdatePhy = lastTime, lastPhy
		slices.Sort(found)
		oldest := s.records(found, maxBytes, &res)
		if len(res.Records) > 0 || oldest < 0 || oldest < beginMs {
			break
		}
		endMs = oldest
	}
	return res, nil
}

// records reads the records at sorted positions; those that cannot be read are
// left out: expired, or not visible yet. It returns the store time of the first one, -1
// when that one cannot be read. The first that does not fit into maxBytes ends it.
func (s *Store) records(positions []int64, maxBytes int, res *QueryResult) (oldest int64) {
	oldest = -1
	size := 0
	for i, phy := range slices.Compact(positions) {
		rec, err := s.Lookup(phy, nil)
		if err != nil {
			s.logger.Debug().Err(err).Int64("phy", phy).Msg("store: query: a record of the index is not there")
			continue
		}
		if i == 0 {
			oldest = storeTimestamp(rec)
		}
		if size += len(rec); size > maxBytes && len(res.Records) > 0 {
			break
		}
		res.Records = append(res.Records, rec)
	}
	return oldest
}
