// Stands in for the library's key handling, which these pages never use: `connect` signs through a function of its own.
export default {};
