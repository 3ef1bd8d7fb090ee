import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Meter } from './http/server.ts'

/** Counts what was answered, by route and status, in the Prometheus text format. */
export function createMeter(limiter: () => 'shared' | 'local'): Meter {
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'lunadefend_requests_total',
    help: 'Requests answered.',
    labelNames: ['route', 'status'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'lunadefend_request_seconds',
    help: 'Time to answer, in seconds.',
    labelNames: ['route'] as const,
    registers,
  })
  new Gauge({
    name: 'lunadefend_limiter_local',
    help: '1 while the limiter does not answer and this process decides alone, within half of every quota.',
    registers,
    collect() {
      this.set(limiter() === 'local' ? 1 : 0)
    },
  })
  return {
    answered(route, status, elapsedMs) {
      requests.inc({ route, status })
      seconds.observe({ route }, elapsedMs / 1000)
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}
