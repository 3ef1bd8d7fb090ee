import type { Translations } from '../texts.ts'
import { FIELD } from './field.ts'

export const INPUT = {
  en: {
    ...FIELD.en,
    show: 'Show',
    hide: 'Hide',
    showPassword: 'Show the password',
    hidePassword: 'Hide the password',
  },
  de: {
    ...FIELD.de,
    show: 'Anzeigen',
    hide: 'Verdecken',
    showPassword: 'Passwort anzeigen',
    hidePassword: 'Passwort verdecken',
  },
  es: {
    ...FIELD.es,
    show: 'Mostrar',
    hide: 'Ocultar',
    showPassword: 'Mostrar la contraseña',
    hidePassword: 'Ocultar la contraseña',
  },
  fr: {
    ...FIELD.fr,
    show: 'Afficher',
    hide: 'Masquer',
    showPassword: 'Afficher le mot de passe',
    hidePassword: 'Masquer le mot de passe',
  },
  ar: {
    ...FIELD.ar,
    show: 'إظهار',
    hide: 'إخفاء',
    showPassword: 'إظهار كلمة المرور',
    hidePassword: 'إخفاء كلمة المرور',
  },
} satisfies Translations<'input'>
