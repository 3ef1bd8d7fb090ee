import { LunaDefendProvider } from '@lunadefend/react-sdk'
import { useEffect, useState } from 'react'
import { ActivityPanel } from './activity-panel.tsx'
import { Header } from './header.tsx'
import { usePath } from './location.ts'
import { Notice } from './notice.tsx'
import { ProfilePage } from './profile-page.tsx'
import { readMe, type User } from './server-calls.ts'
import type { Settings } from './settings.ts'
import { StealPage } from './steal-page.tsx'
import { SupportPage } from './support-page.tsx'
import { VaultPage } from './vault-page.tsx'
import { WelcomePage } from './welcome-page.tsx'

type Visitor = 'unknown' | 'unreachable' | User | null

export function App({ settings }: { readonly settings: Settings }) {
  const visitor = useVisitor()
  if (visitor === 'unknown') return <p className="loading">One moment…</p>
  if (visitor === 'unreachable')
    return <Notice kind="bad">The server does not answer. Reload to try again.</Notice>
  if (visitor === null) return <WelcomePage />
  return <Inside settings={settings} user={visitor} />
}

function useVisitor(): Visitor {
  const [visitor, setVisitor] = useState<Visitor>('unknown')
  useEffect(() => {
    readMe().then(
      ({ user }) => setVisitor(user),
      () => setVisitor('unreachable'),
    )
  }, [])
  return visitor
}

function Inside({ settings, user }: { readonly settings: Settings; readonly user: User }) {
  const path = usePath()
  return (
    <LunaDefendProvider tokenizerUrl={settings.tokenizerUrl} app={settings.app}>
      <Header user={user} path={path} />
      <div className="columns">
        <main id="main">
          <Page path={path} settings={settings} user={user} />
        </main>
        <ActivityPanel tokenizerUrl={settings.tokenizerUrl} />
      </div>
    </LunaDefendProvider>
  )
}

interface Place {
  readonly path: string
  readonly settings: Settings
  readonly user: User
}

function Page({ path, settings, user }: Place) {
  if (path === '/vault') return <VaultPage />
  if (path === '/steal') return <StealPage settings={settings} />
  if (path === '/support') return <SupportPage user={user} />
  return <ProfilePage />
}
