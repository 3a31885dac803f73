# The rules that "config" promises. cargo itself knows what has changed, so it is called each time;
# what it leaves untouched is not linked again.

cat << END                                                    >> $NGX_MAKEFILE

$ngx_aws_auth_lib:	ngx_http_aws_auth_module_check
	+cd $ngx_addon_dir && \\
	NGINX_SOURCE_DIR=$PWD NGINX_BUILD_DIR=$ngx_aws_auth_objs \\
	$NGX_CARGO rustc --locked --lib --package ngx_http_aws_auth_module \\
		--profile $NGX_CARGO_PROFILE --crate-type staticlib \\
		--no-default-features \\
		${NGX_RUST_TARGET:+--target $NGX_RUST_TARGET} \\
		--target-dir $ngx_aws_auth_target $NGX_CARGO_OPT

.PHONY:	ngx_http_aws_auth_module_check

END

if [ "$ngx_aws_auth_link" = DYNAMIC ]; then

    cat << END                                                >> $NGX_MAKEFILE

$NGX_OBJS/ngx_http_aws_auth_module.so:	$ngx_aws_auth_lib

END
fi
