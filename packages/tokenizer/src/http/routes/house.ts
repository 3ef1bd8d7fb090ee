import type { Needs } from '@lunadefend/core'
import type { Apps } from '../apps.ts'
import type { Gate } from '../authenticate.ts'

/** What the routes are handed. */
export interface House {
  readonly gate: Gate
  readonly needs: Needs
  readonly apps: Apps
  readonly publicUrl: string
}
