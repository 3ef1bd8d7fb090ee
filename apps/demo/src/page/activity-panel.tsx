import { useEffect, useState } from 'react'
import type { Activity } from '../activity.ts'
import { WithTokens } from './token-text.tsx'

const SHOWN = 60

/** What the app's server did for this login, as it happens. Nothing in it is made up. */
export function ActivityPanel({ tokenizerUrl }: { readonly tokenizerUrl: string }) {
  const activities = useActivities()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, for who has nothing but a keyboard, too
    <aside aria-labelledby="panel-title" className="panel" tabIndex={0}>
      <h2 id="panel-title">What really happened</h2>
      <p>
        As told by the app’s server, newest first. It cannot tell you your values, because it never had them.
        What the secure frames say to <code>{tokenizerUrl}</code> is hidden from page and server alike: look
        at it in the network inspector.
      </p>
      <ol>
        {activities.map((activity) => (
          <Entry key={activity.id} activity={activity} />
        ))}
      </ol>
      {activities.length === 0 && <p className="faint">Nothing yet. Save something.</p>}
    </aside>
  )
}

function useActivities(): readonly Activity[] {
  const [activities, setActivities] = useState<readonly Activity[]>([])
  useEffect(() => {
    const source = new EventSource('/api/activity')
    source.onmessage = ({ data }) => {
      const activity = JSON.parse(String(data)) as Activity
      // A connection that was lost is told everything again.
      setActivities((all) => [activity, ...all.filter(({ id }) => id !== activity.id)].slice(0, SHOWN))
    }
    return () => source.close()
  }, [])
  return activities
}

function Entry({ activity }: { readonly activity: Activity }) {
  const { who, title, body } = describe(activity)
  return (
    <li className={`entry is-${activity.kind}`}>
      <span className="who">{who}</span>
      <time dateTime={new Date(activity.at).toISOString()}>{new Date(activity.at).toLocaleTimeString()}</time>
      <strong>{title}</strong>
      {body !== undefined && (
        <pre>
          <WithTokens text={JSON.stringify(body, null, 2)} />
        </pre>
      )}
    </li>
  )
}

interface Words {
  readonly who: string
  readonly title: string
  readonly body?: unknown
}

function describe(activity: Activity): Words {
  switch (activity.kind) {
    case 'received':
      return { who: 'browser → app server', title: `Received ${activity.request}`, body: activity.body }
    case 'tokenizer':
      return {
        who: 'app server → Tokenizer',
        title: `${activity.call}: ${activity.result}`,
        body: activity.sent,
      }
    case 'stored':
      return { who: 'app database', title: `Stored in ${activity.table}`, body: activity.row }
    case 'sent':
      return { who: 'app server → browser', title: `Answered ${activity.request}`, body: activity.body }
    case 'session':
      return { who: 'login', title: activity.what }
  }
}
