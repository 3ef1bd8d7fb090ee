import type { Commands, Inside } from './commands.ts'

export function networkCommands({ statements }: Inside): Pick<Commands, 'noteNetwork'> {
  return {
    noteNetwork({ userRef, networkRef, seenAt, expiresAt }, most) {
      statements.forgetNetworks.run(userRef, networkRef, most)
      statements.putNetwork.run(userRef, networkRef, seenAt, expiresAt)
    },
  }
}
