import {
  LunaDefendProvider,
  SecureCheckbox,
  SecureForm,
  SecureInput,
  SecureSelect,
} from '@lunadefend/react-sdk'
import { createRoot } from 'react-dom/client'
import { Controller, useForm } from 'react-hook-form'

interface Patient {
  readonly ssn: string
  readonly diagnosis: string
  readonly smoker: string
}
const NOBODY: Patient = { ssn: '', diagnosis: '', smoker: '' }

function Admission() {
  const { control, formState, handleSubmit, register, reset, setError } = useForm({ defaultValues: NOBODY })
  const { errors, isSubmitting } = formState

  async function save(patient: Patient) {
    const response = await fetch('/profile', { method: 'POST', body: JSON.stringify(patient) })
    if (response.ok) reset()
    else setError('root', { message: 'Not saved. Please try again.' })
  }

  return (
    <SecureForm
      onSubmit={handleSubmit(save)}
      onError={({ field, code }) => setError(field as keyof Patient, { message: code })}
    >
      <label htmlFor="ssn">Social security number</label>
      <SecureInput id="ssn" {...register('ssn', { required: 'Needed for the insurance.' })} />
      <Controller
        name="diagnosis"
        control={control}
        rules={{ required: 'Please choose one.' }}
        render={({ field }) => (
          <SecureSelect id="diagnosis" {...field} aria-label="Diagnosis" placeholder="Please choose">
            <option value="A09">Gastroenteritis</option>
            <option value="J10">Influenza</option>
          </SecureSelect>
        )}
      />
      <SecureCheckbox id="smoker" {...register('smoker')}>
        I smoke
      </SecureCheckbox>
      <button type="submit" disabled={isSubmitting}>
        Save
      </button>
      <p role="alert">
        {errors.ssn?.message} {errors.diagnosis?.message} {errors.smoker?.message} {errors.root?.message}
      </p>
    </SecureForm>
  )
}

const { tokenizer = '' } = document.body.dataset
createRoot(document.querySelector('#root') as HTMLElement).render(
  <LunaDefendProvider tokenizerUrl={tokenizer} app="hello">
    <Admission />
  </LunaDefendProvider>,
)
