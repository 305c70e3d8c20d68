// SPDX-License-Identifier: MIT
// The texts of the account settings, which are loaded with them.
// @ts-check

export const en = {
  changePassword: 'Change the password',
  oldPassword: 'Present password',
  newPassword: 'New password',
  newPasswordHint: 'At least 8 characters. All other devices are signed out.',
  showPasswords: 'Show the passwords',
  changePasswordNow: 'Change it',
  needOldPassword: 'Enter the present password.',
  needNewPassword: 'Enter a new password.',
  wrongOldPassword: 'The present password is wrong.',
  passwordChanged: 'The password is changed. All other devices are signed out.',
  passwordConflict: 'The password was changed elsewhere just now.',
  signOutEverywhere: 'Sign out on all devices',
  signedOutEverywhere: 'You have signed out on all devices.',
};

/** @typedef {keyof typeof en} AccountTextKey */

/** @type {Record<AccountTextKey, string>} */
export const ru = {
  changePassword: 'Сменить пароль',
  oldPassword: 'Нынешний пароль',
  newPassword: 'Новый пароль',
  newPasswordHint: 'Не меньше 8 символов. На всех других устройствах произойдёт выход.',
  showPasswords: 'Показать пароли',
  changePasswordNow: 'Сменить',
  needOldPassword: 'Введите нынешний пароль.',
  needNewPassword: 'Введите новый пароль.',
  wrongOldPassword: 'Нынешний пароль неверен.',
  passwordChanged: 'Пароль изменён. На всех других устройствах произошёл выход.',
  passwordConflict: 'Пароль только что изменили в другом месте.',
  signOutEverywhere: 'Выйти на всех устройствах',
  signedOutEverywhere: 'Вы вышли на всех устройствах.',
};
