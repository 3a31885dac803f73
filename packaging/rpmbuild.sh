#!/bin/sh
# rpmbuild that takes nothing of this machine, its clock or its user's configuration into a package, so that two builds
# are the same to the byte: rpmbuild.sh FOLDER ARGUMENT...
#
# FOLDER is a scratch folder. SOURCE_DATE_EPOCH is the date that all files have at most.
set -eu

folder=$1
shift

# rpm 4.20 has a new name for this, and warns about the old one.
version=$(rpmbuild --version | grep -o '[0-9][0-9.]*' | head -n 1)
if printf '%s\n' 4.20 "$version" | sort -CV; then
    mtimes="build_mtime_policy clamp_to_source_date_epoch"
else
    mtimes="clamp_mtime_to_source_date_epoch 1"
fi
HOME=$folder exec rpmbuild --define "_topdir $folder/rpmbuild" --define "_buildhost localhost" \
    --define "use_source_date_epoch_as_buildtime 1" --define "$mtimes" "$@"
