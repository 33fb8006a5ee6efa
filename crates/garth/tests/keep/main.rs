//! Stories of keeping an installation, told with the built program: backups, checks, and help in need.

mod backups;
mod keys;
mod local;
mod space;
mod support;
mod verify;
