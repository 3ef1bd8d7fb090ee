import { useEffect, useState } from 'react'
import type { Profile } from '../profiles.ts'
import { startOver } from './location.ts'
import { readProfile, ServerRefusal } from './server-calls.ts'

/** `null` while it is on its way; a text says why it does not come. */
export function useProfile(): Profile | string | null {
  const [profile, setProfile] = useState<Profile | string | null>(null)
  useEffect(() => {
    let isWanted = true
    readProfile().then(
      (read) => isWanted && setProfile(read),
      (error: Error) => isWanted && setProfile(explain(error)),
    )
    return () => {
      isWanted = false
    }
  }, [])
  return profile
}

/** The words for the user. Whoever is not logged in any more is sent to the entrance. */
export function explain(error: Error): string {
  if (error instanceof ServerRefusal && error.status === 401) startOver('/')
  return error.message
}
