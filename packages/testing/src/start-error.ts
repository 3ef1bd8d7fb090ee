export type StartErrorCode =
  | 'port_busy'
  | 'setting_invalid'
  | 'state_not_writable'
  | 'root_key_missing'
  | 'key_file_unreadable'
  | 'key_file_damaged'

/** Why it cannot start, in one line that says what to do. Never shows what is in a key file. */
export class StartError extends Error {
  readonly code: StartErrorCode
  constructor(code: StartErrorCode, message: string) {
    super(message)
    this.name = 'StartError'
    this.code = code
  }
}

/** Turns EADDRINUSE into a line that names the part, the port and the setting. */
export function explainPort(part: string, port: number, setting: string): (error: unknown) => never {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new StartError(
      'port_busy',
      `Port ${port} for the ${part} is in use. Stop what uses it, or choose another with ${setting}.`,
    )
  }
}
