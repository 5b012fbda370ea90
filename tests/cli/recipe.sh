# recipe.sh - VERIFY.txt, word for word, on a machine that has none of our programs: the good bundle passes, and
# whatever is changed, taken away or added, the command that is to notice it does.

# A PATH with what VERIFY.txt says one needs, and what a shell has anyway.
bare_machine() {
    mkdir bare
    for tool in sh ls sort grep sed openssl sha256sum tar; do ln -s "$(command -v $tool)" bare/$tool; done
    HUB_PUB=$PWD/hub.pub
    export HUB_PUB
}
# failing RECIPE FOLDER: the number of the first command that fails; 0: none.
failing() {
    sed -n 's/^   //p' "$1" > steps
    step=0
    while read -r command; do
        step=$((step + 1))
        (cd "$2" && PATH=$OLDPWD/bare && export PATH && exec sh -c "$command") > recipe.log 2>&1 || { echo $step; return; }
    done < steps
    echo 0
}
# notices STEP WHAT: the good recipe, run in the changed copy of the medium.
notices() {
    same "$(failing good.txt "copy/$folder")" "$1" "$2: the command that fails"
    rm -rf copy
    cp -R stick copy
}

test_recipe_word_for_word() {
    small_hub
    hub key export --name hub-test --out hub.pub
    hub export --site ALPHA --out stick --volume-size 1M --recovery 60 > /dev/null
    folder=SU-ALPHA-000001
    bare_machine
    ! PATH=$PWD/bare command -v suimport > /dev/null || fail 'the machine has suimport'
    cp stick/$folder/VERIFY.txt good.txt
    [ "$(sed -n 's/^   //p' good.txt | wc -l)" -le 6 ] || fail 'more than six commands'
    same "$(sed -n 's/^\([1-9]\)\. .*/\1/p' good.txt | tail -n 1)" "$(sed -n 's/^   //p' good.txt | wc -l)" 'commands and their numbers'
    cp -R stick copy
    [ -e stick/$folder/SU000001.003 ] && [ -e stick/$folder/SU000001.R02 ] || fail 'only a few volumes'
    notices 0 'the bundle as written'
    flip copy/$folder/MANIFEST.TXT 50
    notices 1 'the manifest'
    flip "$(ls copy/$folder/*.SIG)" 5
    notices 1 'the signature'
    for name in SU000001.001 SU000001.003 SU000001.R01 SU000001.R02 VERIFY.txt SLIP.TXT SLIP.HTM; do
        flip copy/$folder/$name 600
        notices 2 "a bit of $name"
        rm copy/$folder/$name
        notices 2 "without $name"
    done
    for name in EXTRA.TXT .hidden SU000001.444 SU000001.R09 slip.txt; do
        echo more > copy/$folder/$name
        notices 3 "with $name"
    done
    mkdir copy/$folder/MORE
    notices 3 'a folder'
}

test_recipe_with_a_pool() {
    small_hub
    hub key export --name hub-test --out hub.pub
    hub export --site ALPHA --out stick --pool > /dev/null
    folder=SU-ALPHA-000001
    bare_machine
    cp stick/$folder/VERIFY.txt good.txt
    cp -R stick copy
    [ "$(find stick/SU-POOL -type f | wc -l)" -gt 3 ] || fail 'the pool is empty'
    notices 0 'the bundle as written'
    for file in $(cd stick && find SU-POOL -type f | sort | sed -n '1p;$p'); do
        flip "copy/$file" 10
        notices 2 "a bit of $file"
        rm "copy/$file"
        notices 2 "without $file"
    done
    echo more > copy/SU-POOL/STRANGER.DAT # another bundle's, perhaps
    notices 0 'a stranger in the pool'
}
