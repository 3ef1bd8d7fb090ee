import { APP_PATTERN } from '@lunadefend/contract'
import { ALARM_KINDS } from '@lunadefend/core'
import Type, { type Static } from 'typebox'
import { closed, Text, Variable } from './config-texts.ts'

/** Who is told of alarms, over https, signed as https://www.standardwebhooks.com says. */
const Webhook = Type.Object(
  {
    url: Type.String({ pattern: '^https?://[^@#\\s]+$', maxLength: 2048 }),
    /** A file with `whsec_…`, one a line: with each of them is signed. Or a variable with one. */
    secretFile: Type.Optional(Text),
    secretVariable: Type.Optional(Variable),
    /** Certificates that are trusted for `url`, and no others. @default what Node trusts */
    caFile: Type.Optional(Text),
    /** Those of these apps. @default of all */
    apps: Type.Optional(Type.Array(Type.String({ pattern: APP_PATTERN }), { minItems: 1 })),
    /** @default every kind */
    kinds: Type.Optional(Type.Array(Type.Enum([...ALARM_KINDS]), { minItems: 1 })),
  },
  closed,
)

export const Alarms = Type.Object({ webhooks: Type.Array(Webhook, { minItems: 1, maxItems: 20 }) }, closed)

export type WebhookSettings = Static<typeof Webhook>

/** What is wrong with them, each with its place. `isSafe` = https, or this machine. */
export function alarmProblems(
  webhooks: readonly WebhookSettings[],
  apps: readonly string[],
  isSafe: (url: string) => boolean,
): string[] {
  const urls = webhooks.map(({ url }) => url)
  return webhooks.flatMap((webhook, index) => {
    const path = `/alarms/webhooks/${index}`
    const { url, secretFile, secretVariable } = webhook
    return [
      ...(isSafe(url) ? [] : [`${path}/url must be https, except on this machine`]),
      ...(urls.indexOf(url) === index ? [] : [`${path}/url is there twice`]),
      ...((secretFile === undefined) === (secretVariable === undefined)
        ? [`${path} must have either secretFile or secretVariable`]
        : []),
      ...(webhook.apps ?? [])
        .filter((app) => !apps.includes(app))
        .map(() => `${path}/apps names an unknown app`),
    ]
  })
}
