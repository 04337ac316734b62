package remoting

import "github.com/rs/zerolog"

// gnetLog sends gnet's lines to our log, none above debug but its errors: what they tell in passing we log ourselves.
// Fatalf must not end the process.
type gnetLog struct{ log zerolog.Logger }

func (g gnetLog) Debugf(format string, args ...any) { g.log.Trace().Msgf("gnet: "+format, args...) }
func (g gnetLog) Infof(format string, args ...any)  { g.log.Trace().Msgf("gnet: "+format, args...) }
func (g gnetLog) Warnf(format string, args ...any)  { g.log.Debug().Msgf("gnet: "+format, args...) }
func (g gnetLog) Errorf(format string, args ...any) { g.log.Warn().Msgf("gnet: "+format, args...) }
func (g gnetLog) Fatalf(format string, args ...any) { g.log.Error().Msgf("gnet: "+format, args...) }
