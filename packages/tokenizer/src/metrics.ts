import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Meter } from './http/server.ts'

/** Counts alarms, and what became of telling somebody. */
export interface AlarmMeter {
  raised(kind: string): void
  delivery(outcome: 'told' | 'gone' | 'failed'): void
}

/** Counts what was answered, by route and status, in the Prometheus text format. */
export function createMeter(limiter: () => 'shared' | 'local'): Meter & { readonly alarms: AlarmMeter } {
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
    alarms: alarmMeter(registry),
    answered(route, status, elapsedMs) {
      requests.inc({ route, status })
      seconds.observe({ route }, elapsedMs / 1000)
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

function alarmMeter(registry: Registry): AlarmMeter {
  const registers = [registry]
  const alarms = new Counter({
    name: 'lunadefend_alarms_total',
    help: 'Alarms that this process has raised.',
    labelNames: ['kind'] as const,
    registers,
  })
  const deliveries = new Counter({
    name: 'lunadefend_alarm_deliveries_total',
    help: 'Attempts of this process to tell a webhook of an alarm.',
    labelNames: ['outcome'] as const,
    registers,
  })
  return {
    raised: (kind) => alarms.inc({ kind }),
    delivery: (outcome) => deliveries.inc({ outcome }),
  }
}
